"""Real servers for tests: private ones, started when a test first asks and stopped at the end of the run."""
