"""Chats whose answer goes to the customer by mail, and what customers do on a page with a chat."""
