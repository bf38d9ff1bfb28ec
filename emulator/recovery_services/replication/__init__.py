"""What replication is made of: states, recovery points, target sizes, virtual machines."""
