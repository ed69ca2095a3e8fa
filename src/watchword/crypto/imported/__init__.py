"""Password hashes that other systems made: read strictly at import, verified as they are, replaced at the next sign-in.

One file a family. Formats are those in which the systems store or export them.
"""
