"""The settings: reading them, naming them in messages, hiding the secrets among them."""
