"""What an owner of a subscription forbids: management locks, policies, a read-only subscription.

Source: "Lock your resources to protect your infrastructure", "Azure Policy definition structure",
"Resolve errors for policy violations", "Azure subscription states".
"""
