"""A real Apache Kafka from PyPI alone, as a child process (design §4): pinned jars, a Java found or brought along."""
