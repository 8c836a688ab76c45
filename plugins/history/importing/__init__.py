"""Imports past conversations from mailboxes and from the exports of ticket systems."""
