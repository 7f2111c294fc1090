"""The cascade: plan, ledger and run of a whole pyramid."""
