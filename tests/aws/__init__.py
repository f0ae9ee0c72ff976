"""The template, its build and its deployment, as far as they can be held to their promises without an account."""
