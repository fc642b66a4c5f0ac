"""Real PostgreSQL, RabbitMQ and Redis on free loopback ports, without a container engine."""
