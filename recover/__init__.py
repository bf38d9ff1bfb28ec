"""Takes what an interrupted run made into the stack's record; `make recover` runs it.

If the engine is killed while a cloud makes a resource, the resource exists, but no record has its
id. Another `pulumi up` would make it again: most services refuse that, and EC2 starts a second
server. The command looks for such resources and imports those that are this stack's.
"""
