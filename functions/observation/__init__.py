"""What Workers report: points recorded, logs read."""
