"""Whole deployments: real servers, real processes, real training."""
