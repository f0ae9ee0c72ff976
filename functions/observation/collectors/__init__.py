"""How metrics leave a Worker."""
