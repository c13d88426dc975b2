"""Files, archives, images and PDFs: what comes in, and how files are written."""
