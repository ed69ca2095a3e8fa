-- Which ways to sign in a tenant has: a JSON list of first factors; null means all that the application offers.
alter table {tenants} add column first_factors text;
