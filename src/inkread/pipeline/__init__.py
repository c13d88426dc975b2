"""The stages of the pipeline, named as in ``dvc.yaml``."""
