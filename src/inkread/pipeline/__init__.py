"""The stages of the pipeline, one module a stage, named as in ``dvc.yaml``."""
