"""What follows: one handler a file, one Lambda a handler; no vendor SDK is imported here."""
