create table customers (
    customer_no  varchar(6)   primary key,
    name         varchar(60)  not null,
    kind         varchar(8)   not null check (kind in ('private', 'trade')),
    email        varchar(80)  not null,
    phone        varchar(20),
    town         varchar(40)  not null,
    member_since date         not null
);

create table routes (
    route_code varchar(7)    primary key,
    from_port  varchar(20)   not null,
    to_port    varchar(20)   not null,
    minutes    integer       not null,
    adult_fare numeric(8, 2) not null,
    car_fare   numeric(8, 2) not null
);

create table sailings (
    sailing_no varchar(7)  primary key,
    route_code varchar(7)  not null references routes (route_code),
    vessel     varchar(20) not null,
    sails_on   date        not null,
    departs_at varchar(5)  not null,
    seats      integer     not null,
    car_spaces integer     not null,
    status     varchar(9)  not null check (status in ('planned', 'sailed', 'cancelled'))
);

create index sailings_by_day on sailings (sails_on, route_code);

create table bookings (
    booking_no  varchar(7)    primary key,
    customer_no varchar(6)    not null references customers (customer_no),
    sailing_no  varchar(7)    not null references sailings (sailing_no),
    booked_on   date          not null,
    status      varchar(9)    not null check (status in ('confirmed', 'cancelled', 'travelled')),
    passengers  integer       not null check (passengers > 0),
    cars        integer       not null,
    total       numeric(9, 2) not null
);

create index bookings_by_customer on bookings (customer_no);
create index bookings_by_sailing on bookings (sailing_no);

create table booking_lines (
    booking_no varchar(7)    not null references bookings (booking_no),
    line_no    integer       not null,
    item       varchar(8)    not null check (item in ('adult', 'child', 'car', 'bicycle', 'dog')),
    quantity   integer       not null check (quantity > 0),
    unit_price numeric(8, 2) not null,
    constraint booking_lines_pk primary key (booking_no, line_no)
);

create table invoices (
    invoice_no varchar(6)    primary key,
    booking_no varchar(7)    not null references bookings (booking_no),
    issued_on  date          not null,
    due_on     date          not null,
    amount     numeric(9, 2) not null,
    paid_on    date,
    state      varchar(8)    not null check (state in ('open', 'paid', 'credited'))
);

create index invoices_by_booking on invoices (booking_no);
