"""What every emulated service stands on: the wire, routes, time, durable state and the world."""
