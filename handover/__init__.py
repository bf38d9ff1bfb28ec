"""From migrated machines to code: an import file and the declarations that go with it.

`make handover` writes a Pulumi project in which a team goes on managing the machines that this
stack migrated. It reads, and changes nothing in a cloud.
"""
