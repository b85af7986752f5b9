"""The one door to Kafka: producers, topics, compacted readers, the batch transport and the embedded broker."""
