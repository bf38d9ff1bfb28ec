"""Whether machines and the server of their migration can reach each other, and what decides it.

`evidence` is pure: security groups, network ACLs and routes as plain data, evaluated for one TCP
connection. `ec2_network` reads that data, `run_command` has the machines try to connect, and
`check` puts both together, a row for each machine and port.
"""
