"""Why an Experiment is where it is: in words, from its rows alone."""
