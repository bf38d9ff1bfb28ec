"""What every emulated service is built on: the wire, routes, time, durable state and the world."""
