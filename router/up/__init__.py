"""`router up`: server, workers and the embedded Kafka as children of one process that brings the dead ones back."""
