"""Deleting a user's row alone, to see what the database removes with it; the product goes over all tables."""

from watchword.database.database import Transaction
from watchword.database.statements import Statement


async def delete_user(tx: Transaction, app_id: str, user_id: str) -> bool:
    """Delete the row; returns whether it was there."""
    return await tx.execute(DELETE_USER, app_id=app_id, user_id=user_id) > 0


DELETE_USER = Statement("delete from {users} where app_id = :app_id and user_id = :user_id")
