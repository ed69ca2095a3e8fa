-- Providers of one tenant alone, beside those in the application's code. They go with the tenant.
create table {tenant_providers} (
    app_id         text   not null,
    tenant_id      text   not null,
    third_party_id text   not null,
    sealed_config  {bytes} not null,  -- all settings, client secrets and keys among them
    created_at_ms  bigint not null,   -- the order on the sign-in page
    primary key (app_id, tenant_id, third_party_id),
    foreign key (app_id, tenant_id) references {tenants} (app_id, tenant_id) on delete cascade
);
