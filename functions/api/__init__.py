"""The HTTP face: Katib's resources in Kubernetes' dialect, for kubectl, the Katib SDK and whatever else speaks it."""
