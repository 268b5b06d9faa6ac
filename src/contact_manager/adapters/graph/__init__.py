"""Microsoft Graph: the organizer's calendar in Exchange Online."""
