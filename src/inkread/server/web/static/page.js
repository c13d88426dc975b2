// Sends the chosen scan, shows what was read, links lines with their places, and fetches the downloads.
"use strict";

const form = document.getElementById("reading");
const input = document.getElementById("file");
const status = document.getElementById("status");
const result = document.getElementById("result");
let sent = null; // what the result on the page was read from

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (input.files.length) read(input.files[0]);
});

for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  form.addEventListener(name, (event) => {
    event.preventDefault();
    form.classList.toggle("over", name === "dragenter" || name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) {
      input.files = event.dataTransfer.files;
      read(input.files[0]);
    }
  });
}

async function read(file) {
  const button = form.querySelector("button");
  const body = new FormData();
  body.append("file", file);
  const least = document.getElementById("min_confidence").value;
  button.disabled = true;
  result.replaceChildren();
  say(`Reading ${file.name} …`);
  try {
    await check(file);
    const answer = await post(`/read${least ? `?min_confidence=${least}` : ""}`, body);
    result.innerHTML = await answer.text(); // rendered and escaped by the server
    sent = file;
    say("");
    link();
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

// A file of another kind is refused before it is sent.
async function check(file) {
  const body = new FormData();
  body.append("file", file.slice(0, 1024), file.name);
  const { refused } = await (await post("/documents/check", body)).json();
  if (refused.length) throw new Error(refused[0].detail);
}

async function post(url, body) {
  let answer;
  try {
    answer = await fetch(url, { method: "POST", body });
  } catch {
    throw new Error("The server cannot be reached, try again.");
  }
  if (answer.status === 401) location.assign("/");
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.detail || `The server answered ${answer.status}, try again.`);
  }
  return answer;
}

function link() {
  for (const page of result.querySelectorAll(".page")) {
    const places = page.querySelectorAll("polygon");
    const lines = page.querySelectorAll(".lines li");
    lines.forEach((line, index) => {
      const both = [line, places[index]].filter(Boolean);
      const mark = (here) => both.forEach((item) => item.classList.toggle("here", here));
      for (const item of both) {
        item.addEventListener("pointerenter", () => mark(true));
        item.addEventListener("pointerleave", () => mark(false));
      }
      line.addEventListener("focus", () => mark(true));
      line.addEventListener("blur", () => mark(false));
      if (places[index]) places[index].addEventListener("click", () => line.focus());
    });
  }
  for (const button of result.querySelectorAll("[data-format]")) {
    button.addEventListener("click", () => download(button));
  }
}

async function download(button) {
  const body = new FormData();
  body.append("file", sent);
  body.append("document", document.getElementById("document").value);
  button.disabled = true;
  try {
    const answer = await post(`/convert?format=${button.dataset.format}`, body);
    const named = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "");
    const anchor = document.createElement("a");
    anchor.href = URL.createObjectURL(await answer.blob());
    anchor.download = named ? named[1] : `page.${button.dataset.format}`;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(anchor.href), 60_000);
    say("");
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

function say(text, problem = false) {
  status.textContent = text;
  status.classList.toggle("problem", problem);
}
