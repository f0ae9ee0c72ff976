"""The broker: events are published with confirmation and consumed in batches."""
