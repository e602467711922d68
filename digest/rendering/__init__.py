"""A view as mail, plain text, message, page and feed; each module may import links, models, text and below."""
