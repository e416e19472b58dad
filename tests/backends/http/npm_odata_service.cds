// What npm_odata_peer.js serves: books, their authors, and what can be done with them.
namespace shop;

entity Authors {
  key ID    : Integer;
      name  : String(111);
      books : Association to many Books on books.author = $self;
}

entity Books {
  key ID       : Integer;
      title    : String(111) not null;
      stock    : Integer;
      price    : Decimal(9, 2);
      released : Date;
      changed  : Timestamp;
      author   : Association to Authors;
      token    : UUID;
      ready    : Boolean;
      big      : Int64;
      cover    : LargeBinary @Core.MediaType: 'image/png';
      tags     : array of String;
}

entity Pages {
  key book   : Integer;
  key number : String(20);
      text   : String;
}

entity Company {
  key ID   : Integer;
      name : String;
      town : String;
}

service Catalog @(path: '/catalog') {
  entity Books as projection on shop.Books actions {
    action   restock(amount : Integer) returns Books;
    function worth() returns Decimal;
  };
  entity Authors as projection on shop.Authors;
  @cds.query.limit: 2
  entity Pages   as projection on shop.Pages;
  @odata.singleton
  entity Company as projection on shop.Company;
  function total(since : Date, of : String) returns Decimal;
  action submit(book : Integer not null, amount : Integer) returns String;
}
