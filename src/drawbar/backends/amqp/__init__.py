"""Services behind queues of an AMQP 0-9-1 broker, such as RabbitMQ."""

from drawbar.backends.amqp.compile import KIND

__all__ = ["KIND"]
