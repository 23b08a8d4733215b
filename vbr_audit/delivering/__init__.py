"""Reports that arrive: what a run says, to mail, chats, webhooks and tickets, whenever there is news."""
