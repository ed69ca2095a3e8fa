"""django-allauth, headless."""
