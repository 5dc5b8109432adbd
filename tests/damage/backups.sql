-- Backups lie outside of the database: the test takes some of this one, and damages those.
create table invoices (id int primary key, total numeric not null);
insert into invoices select n, n * 1.5 from generate_series(1, 200) n;
-- damage
-- What is done to the repository is in the test; here, nothing is wrong with the database.
