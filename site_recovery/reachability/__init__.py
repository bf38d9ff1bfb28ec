"""Whether the machines and their server can reach each other, and what decides that.

`evidence` is pure: security groups, network ACLs and routes as plain data, evaluated for one TCP
connection. `ec2_network` reads that data, `run_command` makes the machines try to connect, and
`check` combines both into a row for each machine and port.
"""
