"""When a Trial does too poorly to go on."""
