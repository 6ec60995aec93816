// Comfort only: a click on a heading sorts its table, by the first number of a cell or else by its words.
(function () {
  function value(row, k) {
    var text = row.cells[k] ? row.cells[k].textContent.trim() : "";
    var number = text.replace(/,/g, "").match(/^[-+]?\d+(\.\d+)?(e[-+]?\d+)?/i);
    return number ? parseFloat(number[0]) : text;
  }
  function order(a, b) {
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === "number" ? -1 : 1;
  }
  document.querySelectorAll(".scroll table").forEach(function (table) {
    var body = table.tBodies[0];
    if (!table.tHead || table.tHead.rows.length !== 1 || !body || body.rows.length < 2) return;
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, k) {
      if (!head.textContent.trim()) return;
      head.classList.add("sortable");
      head.tabIndex = 0;
      head.title = "sort";
      function sort() {
        var up = head.getAttribute("aria-sort") === "descending";
        var first = !head.hasAttribute("aria-sort") && !head.classList.contains("n");
        var sign = up || first ? 1 : -1;
        Array.prototype.forEach.call(table.tHead.rows[0].cells, function (h) { h.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        Array.prototype.slice.call(body.rows)
          .map(function (row, at) { return { row: row, at: at, value: value(row, k) }; })
          .sort(function (a, b) { return sign * order(a.value, b.value) || a.at - b.at; })
          .forEach(function (one) { body.appendChild(one.row); });
      }
      head.addEventListener("click", sort);
      head.addEventListener("keydown", function (event) { if (event.key === "Enter") sort(); });
    });
  });
})();
