// As much of LuCI's client as the app's views use, written for tests: modules by
// 'require' lines, rpc, uci, poll, and forms that show every option of a section.
// It runs in the page; the server beside it answers its calls. What it makes HTML
// of, and what text, is as in OpenWrt 24.10 and 25.12, which are alike in this;
// the file of LuCI's that a fact is from is named beside it.
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

  // cbi.js: %s puts a value as it is, %h with the characters of HTML escaped, and
  // nothing of what is no value.
  String.prototype.format = function (...args) {
    let i = 0;
    return this.replace(/%(1024)?(?:\.(\d))?([sdhmt%])/g, (all, base, digits, kind) => {
      if (kind === "%") return "%";
      if (i >= args.length) throw new Error(`too few values for "${this}"`);
      const value = args[i++];
      if (kind === "h") return value === null || typeof value === "object" ? "" : escape(value);
      if (kind === "d") return String(Math.floor(value));
      if (kind === "t") return `${Math.floor(value / 60)}m ${value % 60}s`;
      if (kind === "m") return scaled(Number(value), base ? 1024 : 1000, Number(digits ?? 2));
      return String(value);
    });
  };

  // luci.js, dom.append: the children are a list, whose members are nodes or else
  // text, null included; a function that returns children; a node; or anything
  // else, which is HTML that replaces all that was there.
  function append(node, children) {
    if (Array.isArray(children)) node.append(...children.map((child) => (child instanceof Node ? child : String(child))));
    else if (typeof children === "function") append(node, children(node));
    else if (children instanceof Node) node.append(children);
    else if (children !== null && children !== undefined) node.innerHTML = children;
    return node;
  }

  // luci.js, dom.create: what begins with "<" is HTML, not the name of an element.
  window.E = (what, attributes, children) => {
    if (!(attributes instanceof Object) || Array.isArray(attributes)) [attributes, children] = [{}, attributes];
    let node = what;
    if (Array.isArray(what)) {
      node = document.createDocumentFragment();
      node.append(...what.map((one) => E(one)));
    } else if (typeof what === "string") {
      node = what.startsWith("<") ? parse(what).firstChild : document.createElement(what);
    }
    for (const [key, value] of Object.entries(attributes)) {
      if (value === null || value === undefined) continue;
      if (typeof value === "function") node.addEventListener(key, value);
      else node.setAttribute(key, typeof value === "object" ? JSON.stringify(value) : value);
    }
    return append(node, children);
  };

  // luci.js, dom.parse: in a document where nothing runs.
  const parse = (html) => new DOMParser().parseFromString(html, "text/html").body;

  const dom = {
    content(node, children) {
      node.replaceChildren();
      return append(node, children);
    },
    append,
  };

  // form.js, stripTags and titleFn: titles that a function makes lose their
  // elements, and what was escaped in them becomes HTML.
  const stripTags = (title) => parse(`<div>${title}</div>`).textContent;
  const titleOf = (title, ...args) => {
    const made = typeof title === "function" ? title(...args) : title;
    return made === null || made === undefined ? null : stripTags(made).trim() || null;
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
    // ui.js: the button waits until the work is done.
    createHandlerFn:
      (self, act, ...args) =>
      (event) => {
        const button = event.currentTarget;
        button.disabled = true;
        return Promise.resolve((typeof act === "string" ? self[act] : act).call(self, ...args, event)).finally(() => (button.disabled = false));
      },
    // ui.js: the title and the children go to dom.create and dom.append as they are.
    showModal(title, children) {
      ui.hideModal();
      const modal = E("div", { id: "modal", role: "dialog" }, [E("h4", {}, title)]);
      document.body.append(modal);
      append(modal, children);
    },
    hideModal: () => document.getElementById("modal")?.remove(),
    // ui.js: so do those of a notification.
    addNotification(title, children, ...kinds) {
      const message = E("div");
      document.body.append(E("div", { class: `notification ${kinds.join(" ")}` }, [message]));
      if (title !== null && title !== undefined) append(message, E("h4", {}, title));
      append(message, children);
    },
    // validation.js: what a validation says is an attribute, which ui.js shows as text.
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
    // form.js: how a script sets what a field shows.
    getUIElement() {
      return this.widget?.isConnected ? { getValue: () => this.read(this.widget), setValue: (value) => (this.widget.value = value) } : null;
    }
    isActive(id) {
      return !this.needs.length || this.needs.some(([other, value]) => (this.section.formvalue(id, other) ?? uci.get("umbrella", id, other) ?? this.section.getOption(other).default ?? "") === value);
    }
    cfgvalue(id) {
      return uci.get("umbrella", id, this.option) ?? this.default;
    }
    textvalue(id) {
      const value = this.cfgvalue(id);
      return value === undefined || value === null ? null : "%h".format([value].flat().join(" "));
    }
    renderWidget(id, index, value) {
      const input = E("input", { type: this.password ? "password" : "text", value: value ?? "", placeholder: this.placeholder });
      if (!this.choices.length) return input;
      input.setAttribute("data-choices", this.choices.map(([word]) => word).join(" "));
      return input;
    }
    read(node) {
      return node.value;
    }
    // form.js: title and description are HTML.
    render(id) {
      this.widget = this.renderWidget(id, 0, this.cfgvalue(id));
      this.note = E("div", { class: "problem" });
      this.widget.setAttribute("name", this.option);
      this.widget.addEventListener("change", (event) => {
        this.triggerValidation(id);
        this.onchange?.(event, id, this.read(this.widget));
        this.section.showActive(id);
      });
      this.row = E("label", {}, [E("span", {}, this.title), E("div", { class: "cbi-value-field" }, [this.widget, E("small", {}, this.description?.trim())]), this.note]);
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
      // validation.js.
      if (bad !== undefined) {
        this.widget.setAttribute("data-tooltip-style", "error");
        this.widget.setAttribute("data-tooltip", bad);
      } else {
        this.widget.removeAttribute("data-tooltip");
        this.widget.removeAttribute("data-tooltip-style");
      }
      return bad === undefined;
    }
    write(id, value) {
      uci.set("umbrella", id, this.option, value);
    }
    remove(id) {
      uci.set("umbrella", id, this.option, null);
    }
    // form.js, parse.
    save(id) {
      const value = this.isActive(id) ? this.read(this.widget) : "";
      if (value.length === 0) this.remove(id);
      else if (this.forcewrite || value !== this.cfgvalue(id)) this.write(id, value);
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
      return E("select", {}, this.choices.map(([word, shown]) => E("option", { value: word, selected: word === (value ?? "") ? "" : null }, [shown])));
    }
  }

  class DynamicList extends Value {
    renderWidget(id, index, value) {
      return E("textarea", { "data-choices": this.choices.map(([word]) => word).join(" ") }, [L.toArray(value).join("\n")]);
    }
    read(node) {
      return node.value.split("\n").filter((line) => line !== "");
    }
  }

  // form.js: what is not of a form shows its value as text, but with rawhtml as HTML.
  class DummyValue extends Value {
    renderWidget(id, index, value) {
      return E("output", {}, this.rawhtml ? value : [value]);
    }
  }

  class Section {
    constructor(map, type, title, description) {
      Object.assign(this, { map, sectiontype: type, title, description, options: [] });
    }
    // form.js: as HTML, both.
    heading() {
      return [E("h3", {}, this.title), E("div", {}, this.description)];
    }
    option(Kind, name, title, description) {
      const made = new Kind(this, name, title, description);
      this.options.push(made);
      return made;
    }
    tab(name, title, description) {
      (this.tabs ??= []).push({ name, title, description });
    }
    // form.js: a tab has to be there before its options.
    taboption(tab, Kind, name, title, description) {
      if (!this.tabs?.some((t) => t.name === tab)) throw new Error(`there is no tab ${tab}`);
      const made = this.option(Kind, name, title, description);
      made.tab = tab;
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
      const shown = this.options.filter((o) => o.modalonly !== false);
      const rows = new Map(shown.map((o) => [o, o.render(id)]));
      this.showActive(id);
      if (!this.tabs) return [...rows.values()];
      return this.tabs.map((tab) => E("fieldset", { "data-tab": tab.name }, [E("legend", {}, tab.title), ...shown.filter((o) => o.tab === tab.name).map((o) => rows.get(o))]));
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
      return E("section", {}, [...this.heading(), ...this.fields(this.id), E("button", { click: save }, ["Save"])]);
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
      return E("div", {}, [name ?? "", E("button", { class: "cbi-button-add", click: add }, [titleOf(this.addbtntitle)])]);
    }
    async renderMoreOptionsModal(id) {
      const save = async () => {
        if (!this.save(id)) return;
        ui.hideModal();
        await uci.save();
        this.map.redraw();
      };
      // form.js: the title of the window is no list.
      const title = titleOf(this.modaltitle, id) ?? (this.anonymous ? this.map.title : `${this.map.title} - ${id}`);
      ui.showModal(title, [...this.fields(id), E("button", { click: save }, ["Save"])]);
      // Only what is in the page has a value of the form.
      this.showActive(id);
    }
    render() {
      const columns = this.options.filter((o) => !o.modalonly);
      const rows = uci.sections("umbrella", this.sectiontype).map((s) => {
        // form.js: what textvalue returns are the children of the cell.
        const cells = columns.map((o) => E("td", { "data-name": o.option }, o.textvalue(s[".name"]) ?? E("em", {}, ["none"])));
        return E("tr", { "data-section": s[".name"] }, [...cells, this.renderRowActions(s[".name"])]);
      });
      return E("section", {}, [...this.heading(), E("table", {}, rows), this.renderSectionAdd()]);
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
      dom.content(this.node, [E("h2", {}, this.title), E("div", {}, this.description), ...this.sections.map((s) => s.render())]);
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
    resource: (path) => `/luci-static/resources/${path}`,
    hasViewPermission: () => !window.readOnly,
  };

  // luci.js: what view and card render are children; an error that leaves them is
  // shown, its name and its words as HTML.
  window.openView = async (name) => {
    try {
      const view = await load(name);
      dom.content(document.querySelector("main"), await view.render(await view.load()));
    } catch (error) {
      ui.addNotification(error.name, E("pre", {}, error.message), "danger");
      throw error;
    }
    await window.pollOnce();
  };
})();
