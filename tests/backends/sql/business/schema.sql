drop table if exists order_lines;
drop table if exists orders;
drop table if exists items;
drop table if exists customers;
drop table if exists travellers;
drop table if exists parties;
drop table if exists seats;
drop table if exists sailings;
drop table if exists postings;
drop table if exists payments;
drop table if exists accounts;
create table customers (customer_no varchar(20) primary key, name varchar(40), credit integer);
create table items (item_no varchar(20) primary key, price integer, free integer);
create table orders (
    order_no varchar(20) primary key, customer_no varchar(20), state varchar(20),
    version integer, total integer, checked integer default 0
);
create table order_lines (
    order_no varchar(20), line_no integer, item_no varchar(20), quantity integer,
    constraint lines_pk primary key (order_no, line_no)
);
insert into customers values ('1', 'Mill', 1000), ('2', 'Dairy', 50);
insert into items values ('bolt', 10, 5), ('nut', 5, 10), ('rod', 200, 3);
insert into orders values ('O-1', '1', 'open', 1, 30, 0), ('O-2', '1', 'sent', 1, 10, 0), ('O-3', '2', 'open', 1, 10, 0);
insert into order_lines values ('O-1', 1, 'bolt', 2), ('O-1', 2, 'nut', 2), ('O-2', 1, 'bolt', 1), ('O-3', 1, 'bolt', 1);
create table sailings (sailing_no varchar(20) primary key, route varchar(20), state varchar(20));
create table seats (sailing_no varchar(20), seat_no integer, primary key (sailing_no, seat_no));
create table parties (booking_no varchar(20) primary key, sailing_no varchar(20), moves integer);
create table travellers (
    booking_no varchar(20), name varchar(40), sailing_no varchar(20), seat_no integer,
    primary key (booking_no, name), unique (sailing_no, seat_no)
);
insert into sailings values ('S-1', 'north', 'planned'), ('S-2', 'north', 'planned'), ('S-3', 'south', 'planned'), ('S-4', 'north', 'cancelled');
insert into seats values ('S-1', 1), ('S-1', 2), ('S-1', 3), ('S-1', 4), ('S-2', 1), ('S-2', 2), ('S-2', 3), ('S-3', 1);
insert into parties values ('B-1', 'S-1', 0), ('B-2', 'S-1', 0);
insert into travellers values ('B-1', 'Ann', 'S-1', 1), ('B-1', 'Bo', 'S-1', 2), ('B-2', 'Cy', 'S-1', 3), ('B-2', 'Di', 'S-1', 4);
create table payments (payment_no varchar(20) primary key, state varchar(20), amount integer, rest integer, currency varchar(3));
create table accounts (account_no varchar(20) primary key, state varchar(20), due integer, currency varchar(3));
create table postings (payment_no varchar(20), account_no varchar(20), amount integer, primary key (payment_no, account_no));
insert into payments values ('P-1', 'received', 100, 100, 'EUR'), ('P-2', 'split', 10, 0, 'EUR');
insert into accounts values ('A-1', 'open', 70, 'EUR'), ('A-2', 'open', 60, 'EUR'), ('A-3', 'closed', 60, 'EUR'), ('A-4', 'open', 60, 'USD');
