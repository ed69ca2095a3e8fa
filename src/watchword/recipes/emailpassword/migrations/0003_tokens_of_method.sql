-- A deleted login method takes its tokens along: without this index every deletion reads the tokens of all.
create index {password_reset_tokens_of_method} on {password_reset_tokens} (app_id, recipe_user_id);
