// A server of another stack: npm `soap` serves the WSDL given, prints its port, then each call it got as JSON.
const fs = require("fs");
const http = require("http");
const soap = require("soap");

const receipt = {
  Parts: { Part: [{
    Number: "B-1", Count: 3, Price: "1.50", Since: "2026-01-31", Fragile: false, Colour: "red",
    Tags: { item: ["a", "b"] },
  }] },
  Rows: { item: [{ item: [1] }, { item: [2, 3] }] },
  Codes: { code: [4] },
  Total: "12.5",
};

function store(call) {
  if (call.codes && [].concat(call.codes.item || []).length === 0) {
    throw { Fault: { faultcode: "stores:EMPTY", faultstring: "no codes" } };
  }
  console.log(JSON.stringify(call));
  return { return: receipt };
}

const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  soap.listen(server, {
    path: "/encoded11",
    xml: fs.readFileSync(process.argv[2], "utf8"),
    services: { Stores: { Encoded11: { Store: store } } },
  });
  console.log(server.address().port);
});
