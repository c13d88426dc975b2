"""Networks, data, runs, fine-tuning and export. Needs the extra `train`."""
