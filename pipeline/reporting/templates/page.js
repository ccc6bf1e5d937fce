"use strict";

// Tables: a click on a header sorts by it, a second click turns the order round. Undefined values stay last.

const collator = new Intl.Collator("en", { numeric: true });

function sortKey(cell, text) {
  if (text) return cell.textContent.trim();
  return "value" in cell.dataset ? Number(cell.dataset.value) : null;
}

function sortBy(table, headers, column) {
  const header = headers[column];
  const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  const text = header.classList.contains("text");
  for (const other of headers) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
  const rows = Array.from(table.tBodies[0].rows, (row) => ({ row, key: sortKey(row.cells[column], text) }));
  rows.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    return direction * (text ? collator.compare(a.key, b.key) : a.key - b.key);
  });
  table.tBodies[0].append(...rows.map(({ row }) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  const headers = Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sortBy(table, headers, column));
    header.append(button);
  });
}

// The viewer: one picture, large. View and network stay while one goes from image to image.

const viewer = document.getElementById("viewer");
const part = (selector) => viewer.querySelector(selector);
const state = { figures: [], index: 0, view: 0, network: 0 };

// What a figure can show, with its title: the image, and each kind of layer that lies over it.
function kindsOf(figure) {
  const kinds = new Map([["image", "image"]]);
  for (const layer of figure.querySelectorAll(".layer")) kinds.set(layer.dataset.kind, layer.alt);
  return Array.from(kinds);
}

function choices(place, titles, chosen, choose) {
  place.hidden = titles.length < 2;
  place.replaceChildren(
    ...titles.map((title, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = title;
      button.setAttribute("aria-pressed", index === chosen);
      button.addEventListener("click", () => choose(index));
      return button;
    }),
  );
}

function show(change) {
  Object.assign(state, change);
  const figure = state.figures[state.index];
  const kinds = kindsOf(figure);
  const networks = figure.closest("[data-networks]")?.dataset.networks.split("|") ?? [];
  const view = Math.min(state.view, kinds.length - 1);
  const kind = kinds[view][0];
  const ofNetwork = figure.querySelector(`.${kind}-0`) !== null;
  const { naturalWidth: width, naturalHeight: height } = figure.querySelector("img");
  const focused = document.activeElement?.textContent;
  part(".stack").replaceChildren(...Array.from(figure.querySelectorAll("img"), (image) => image.cloneNode()));
  part(".stack").style.setProperty("--ratio", width / height || 1);
  part(".stack").classList.toggle("layered", kinds.length > 1);
  part("h2").textContent = figure.dataset.name ?? figure.querySelector("figcaption").textContent;
  part(".caption").textContent = figure.dataset.caption ?? "";
  part(".place").textContent = state.figures.length > 1 ? `${state.index + 1} of ${state.figures.length}` : "";
  part(".steps").hidden = state.figures.length < 2;
  part(".keys").hidden = kinds.length < 2;
  part(".legend").hidden = kind !== "errors";
  choices(part(".views"), kinds.map(([, title], n) => `${n + 1} ${title}`), view, (chosen) => show({ view: chosen }));
  choices(part(".networks"), ofNetwork ? networks : [], state.network, (network) => show({ network }));
  viewer.dataset.view = ofNetwork ? `${kind}-${state.network}` : kind;
  // The buttons were made anew: give the focus back to the one that was pressed.
  for (const button of viewer.querySelectorAll("button")) if (button.textContent === focused) button.focus();
}

function step(by) {
  show({ index: (state.index + by + state.figures.length) % state.figures.length });
}

function enlarge(figure, figures) {
  show({ figures, index: figures.indexOf(figure) });
  viewer.showModal();
}

function pictureOf(link) {
  const target = document.getElementById(link.getAttribute("href").slice(1));
  return target?.matches("figure.picture") ? target : null;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  const figure = link && pictureOf(link);
  if (!figure) return;
  event.preventDefault();
  const table = link.closest("table");
  // From a table one goes on in its order, as it is sorted now; from elsewhere in the order of the sheet.
  const figures = table
    ? Array.from(table.tBodies[0].querySelectorAll("a"), pictureOf)
    : Array.from(figure.parentNode.querySelectorAll("figure.picture"));
  enlarge(figure, figures);
});

for (const image of document.querySelectorAll("figure.plain .wide > img")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "enlarge";
  image.replaceWith(button);
  button.append(image);
  button.addEventListener("click", () => enlarge(image.closest("figure"), [image.closest("figure")]));
}

part(".close").addEventListener("click", () => viewer.close());
part(".previous").addEventListener("click", () => step(-1));
part(".next").addEventListener("click", () => step(1));
viewer.addEventListener("click", (event) => {
  if (event.target === viewer) viewer.close(); // beside the dialog
});
viewer.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const view = Number(event.key) - 1;
  if (event.key === "ArrowRight") step(1);
  else if (event.key === "ArrowLeft") step(-1);
  else if (event.key.toLowerCase() === "n" && !part(".networks").hidden) {
    show({ network: (state.network + 1) % part(".networks").children.length });
  } else if (view >= 0 && view < part(".views").children.length) show({ view });
  else return;
  event.preventDefault();
});
