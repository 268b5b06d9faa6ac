"""Amazon Web Services: whose role reads what (STS), who is on a list (SES), and secrets (SSM)."""
