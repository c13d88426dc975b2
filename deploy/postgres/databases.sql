-- Runs once, when the volume of the database is empty; the database users is made by POSTGRES_DB.
CREATE DATABASE jobs;
CREATE DATABASE mlflow;
