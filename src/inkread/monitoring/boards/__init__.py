"""The dashboards, one module each: for everybody, for quality, for jobs, for machines."""
