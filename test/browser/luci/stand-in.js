// As much of LuCI's client as the app's views use, written for tests: modules by
// 'require' lines, rpc, uci, poll, and forms that show every option of a section.
// It runs in the page; the server beside it answers its calls.
(() => {
  "use strict";

  window._ = (text) => text;

  const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

  /** "1.5 M", as LuCI writes large numbers. */
  function scaled(value, step, digits) {
    const units = [" ", " K", " M", " G", " T"];
    let i = 0;
    for (; i < units.length - 1 && value > step; i++) value /= step;
    return (i ? value.toFixed(digits) : value) + units[i] + (i && step === 1024 ? "i" : "");
  }

  String.prototype.format = function (...args) {
    let i = 0;
    return this.replace(/%(1024)?(?:\.(\d))?([sdhmt%])/g, (all, base, digits, kind) => {
      if (kind === "%") return "%";
      if (i >= args.length) throw new Error(`too few values for "${this}"`);
      const value = args[i++];
      if (kind === "h") return escape(value);
      if (kind === "d") return String(Math.trunc(value));
      if (kind === "t") return `${Math.floor(value / 60)}m ${value % 60}s`;
      if (kind === "m") return scaled(Number(value), base ? 1024 : 1000, Number(digits ?? 2));
      return String(value);
    });
  };

  function append(node, children) {
    for (const child of [children].flat(Infinity)) {
      if (child === null || child === undefined || child === "") continue;
      if (child instanceof Node) node.append(child);
      // LuCI takes a bare string for HTML, one in a list for text.
      else if (Array.isArray(children)) node.append(String(child));
      else node.insertAdjacentHTML("beforeend", String(child));
    }
    return node;
  }

  window.E = (tag, attributes, children) => {
    if (Array.isArray(attributes) || typeof attributes === "string") [attributes, children] = [{}, attributes];
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes ?? {})) {
      if (value === null || value === undefined) continue;
      if (typeof value === "function") node.addEventListener(key, value);
      else node.setAttribute(key, value === true ? "" : value);
    }
    return append(node, children);
  };

  const dom = {
    content(node, children) {
      node.replaceChildren();
      return append(node, children);
    },
  };

  async function post(path, body) {
    const answer = await fetch(path, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }

  const rpc = {
    declare({ object, method, params = [], expect = {}, reject }) {
      return async (...args) => {
        const values = Object.fromEntries(params.map((name, i) => [name, args[i]]));
        const { status, result } = await post("/ubus", { object, method, values });
        if (status !== 0 && reject) throw new Error(`ubus status ${status}`);
        const [[key, otherwise]] = Object.entries(expect);
        return (key === "" ? result : result?.[key]) ?? otherwise;
      };
    },
  };

  const store = {};
  const uci = {
    async load(config) {
      store[config] = await post("/uci", { config });
    },
    get: (config, id, option) => (option === undefined ? store[config]?.[id] : store[config]?.[id]?.[option]),
    set(config, id, option, value) {
      if (value === "" || value === null) delete store[config][id][option];
      else store[config][id][option] = value;
    },
    add(config, type, name) {
      const id = name ?? `new${Object.keys(store[config]).length}`;
      store[config][id] = { ".type": type, ".name": id, ".anonymous": !name };
      return id;
    },
    sections: (config, type) => Object.values(store[config]).filter((s) => s[".type"] === type),
    save: () => post("/uci", { config: "umbrella", sections: store.umbrella }),
  };

  const polls = [];
  const poll = { add: (act) => polls.push(act) };
  window.pollOnce = () => Promise.all(polls.map((act) => act()));

  const ui = {
    createHandlerFn: (self, act, ...args) => (event) => (typeof act === "string" ? self[act] : act).call(self, ...args, event),
    showModal(title, children) {
      ui.hideModal();
      document.body.append(E("div", { id: "modal", role: "dialog" }, [E("h4", {}, [title]), ...children]));
    },
    hideModal: () => document.getElementById("modal")?.remove(),
    addNotification: (title, node, kind) => document.body.append(E("div", { class: `notification ${kind}` }, [node])),
    addValidator(input, type, optional, validate, ...events) {
      for (const event of events) {
        input.addEventListener(event, () => {
          const valid = validate(input.value);
          input.dataset.problem = valid === true ? "" : valid;
        });
      }
    },
    changes: { init: async () => {}, apply: (checked) => post("/apply", { checked }) },
  };

  // --- forms

  class Value {
    constructor(section, option, title, description) {
      Object.assign(this, { section, option, title, description, choices: [], needs: [] });
    }
    value(word, shown) {
      this.choices.push([word, shown ?? word]);
    }
    depends(other, value) {
      this.needs.push([other, value]);
    }
    isActive(id) {
      return !this.needs.length || this.needs.some(([other, value]) => (this.section.formvalue(id, other) ?? uci.get("umbrella", id, other) ?? this.section.getOption(other).default ?? "") === value);
    }
    cfgvalue(id) {
      return uci.get("umbrella", id, this.option) ?? this.default;
    }
    textvalue(id) {
      const value = this.cfgvalue(id);
      return value === undefined || value === null ? null : "%h".format(this.choices.find(([word]) => word === value)?.[1] ?? value);
    }
    renderWidget(id, index, value) {
      return E("input", { type: this.password ? "password" : "text", value: value ?? "", placeholder: this.placeholder });
    }
    read(node) {
      return node.value;
    }
    render(id) {
      this.widget = this.renderWidget(id, 0, this.cfgvalue(id));
      this.note = E("div", { class: "problem" });
      this.widget.setAttribute("name", this.option);
      this.widget.addEventListener("change", (event) => {
        this.triggerValidation(id);
        this.onchange?.(event, id, this.read(this.widget));
        this.section.showActive(id);
      });
      this.row = E("label", {}, [this.title, this.widget, E("small", {}, [this.description ?? ""]), this.note]);
      return this.row;
    }
    formvalue() {
      return this.widget?.isConnected ? this.read(this.widget) : null;
    }
    triggerValidation(id) {
      if (!this.widget || !this.isActive(id)) return true;
      const value = this.read(this.widget);
      const problems = [value].flat().map((v) => (v === "" && this.rmempty === false ? "is needed" : (this.validate?.(id, v) ?? true)));
      const bad = problems.find((p) => p !== true);
      this.note.textContent = bad ?? "";
      return bad === undefined;
    }
    write(id, value) {
      uci.set("umbrella", id, this.option, value);
    }
    save(id) {
      const value = this.isActive(id) ? this.read(this.widget) : "";
      if (value.length === 0) uci.set("umbrella", id, this.option, null);
      else if (value !== this.cfgvalue(id)) this.write(id, value);
    }
  }

  class Flag extends Value {
    renderWidget(id, index, value) {
      const node = E("input", { type: "checkbox" });
      node.checked = (value ?? this.default) === "1";
      return node;
    }
    read(node) {
      return node.checked ? "1" : "0";
    }
  }

  class ListValue extends Value {
    renderWidget(id, index, value) {
      return E("select", {}, this.choices.map(([word, shown]) => E("option", { value: word, selected: word === (value ?? "") ? true : null }, [shown])));
    }
  }

  class DynamicList extends Value {
    renderWidget(id, index, value) {
      return E("textarea", {}, [[value ?? []].flat().join("\n")]);
    }
    read(node) {
      return node.value.split("\n").filter((line) => line !== "");
    }
  }

  class DummyValue extends Value {}

  class Section {
    constructor(map, type, title, description) {
      Object.assign(this, { map, sectiontype: type, title, description, options: [] });
    }
    option(Kind, name, title, description) {
      const made = new Kind(this, name, title, description);
      this.options.push(made);
      return made;
    }
    getOption(name) {
      return this.options.find((o) => o.option === name);
    }
    formvalue(id, name) {
      return this.getOption(name)?.formvalue(id) ?? null;
    }
    showActive(id) {
      for (const o of this.options) if (o.row) o.row.hidden = !o.isActive(id);
    }
    fields(id) {
      const rows = this.options.filter((o) => o.modalonly !== false).map((o) => o.render(id));
      this.showActive(id);
      return rows;
    }
    save(id) {
      const shown = this.options.filter((o) => o.modalonly !== false);
      if (shown.filter((o) => !o.triggerValidation(id)).length) return false;
      for (const o of shown) o.save(id);
      return true;
    }
  }

  class NamedSection extends Section {
    constructor(map, id, type, title, description) {
      super(map, type, title, description);
      this.id = id;
    }
    render() {
      const save = () => this.save(this.id) && uci.save();
      return E("section", {}, [E("h3", {}, [this.title]), ...this.fields(this.id), E("button", { click: save }, ["Save"])]);
    }
  }

  class GridSection extends Section {
    renderRowActions(id) {
      return E("td", {}, [E("div", {}, [E("button", { click: () => this.renderMoreOptionsModal(id) }, ["Edit"])])]);
    }
    renderSectionAdd() {
      const name = this.anonymous ? null : E("input", { class: "cbi-section-create-name" });
      const add = () => {
        const id = uci.add("umbrella", this.sectiontype, name?.value);
        this.map.addedSection = id;
        return this.renderMoreOptionsModal(id);
      };
      return E("div", {}, [name, E("button", { class: "cbi-button-add", click: add }, [this.addbtntitle])]);
    }
    async renderMoreOptionsModal(id) {
      const save = async () => {
        if (!this.save(id)) return;
        ui.hideModal();
        await uci.save();
        this.map.redraw();
      };
      ui.showModal(id, [...this.fields(id), E("button", { click: save }, ["Save"])]);
      // Only what is in the page has a value of the form.
      this.showActive(id);
    }
    render() {
      const columns = this.options.filter((o) => !o.modalonly);
      const rows = uci.sections("umbrella", this.sectiontype).map((s) => {
        const cells = columns.map((o) => append(E("td", { "data-name": o.option }), o.textvalue(s[".name"])));
        return E("tr", { "data-section": s[".name"] }, [...cells, this.renderRowActions(s[".name"])]);
      });
      return E("section", {}, [E("h3", {}, [this.title]), E("table", {}, rows), this.renderSectionAdd()]);
    }
  }

  class FormMap {
    constructor(config, title, description) {
      Object.assign(this, { config, title, description, sections: [], data: uci });
    }
    section(Kind, ...args) {
      const made = new Kind(this, ...args);
      this.sections.push(made);
      return made;
    }
    async render() {
      this.node = E("div");
      this.redraw();
      return this.node;
    }
    redraw() {
      dom.content(this.node, [E("h2", {}, [this.title]), ...this.sections.map((s) => s.render())]);
    }
  }

  const form = { Map: FormMap, NamedSection, GridSection, Value, Flag, ListValue, DynamicList, DummyValue };

  // --- modules

  const known = { baseclass: { extend: (o) => o }, view: { extend: (o) => o }, dom, rpc, uci, poll, ui, form };

  function load(name) {
    known[name] ??= (async () => {
      const path = `/luci-static/resources/${name.replaceAll(".", "/")}.js`;
      const answer = await fetch(path);
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
      const text = await answer.text();
      const wanted = [...text.matchAll(/^'require ([\w.]+)(?: as (\w+))?';$/gm)];
      const modules = await Promise.all(wanted.map((m) => load(m[1])));
      return new Function(...wanted.map((m) => m[2] ?? m[1]), text)(...modules);
    })();
    return known[name];
  }

  window.L = {
    env: {},
    toArray: (value) => (value === null || value === undefined ? [] : [value].flat()),
    url: (path) => `/cgi-bin/luci/${path}`,
    hasViewPermission: () => !window.readOnly,
  };

  window.openView = async (name) => {
    const view = await load(name);
    const node = await view.render(await view.load());
    dom.content(document.querySelector("main"), [node ?? ""]);
    await window.pollOnce();
  };
})();
