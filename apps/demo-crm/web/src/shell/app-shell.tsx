import { Outlet, useRouterState } from "@tanstack/react-router";
import { Menu, Search } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { inOwnTask, Piece } from "../ui/in-own-task.tsx";
import { WhenIdle } from "../ui/later.tsx";
import { Account } from "./account.tsx";
import { Brand } from "./brand.tsx";
import { Navigation } from "./navigation.tsx";
import { useSearchKey } from "./use-search-key.ts";

const MenuDrawer = lazy(async () => ({ default: (await import("./menu-drawer.tsx")).MenuDrawer }));
const SearchDialog = lazy(async () => ({ default: (await import("./search.tsx")).SearchDialog }));

const Toasts = lazy(async () => ({ default: (await import("../ui/toasts.tsx")).Toasts }));
const NavigationLater = inOwnTask(Navigation);
const AccountLater = inOwnTask(Account);

/** What is around every page: the navigation at the side, or behind a button where there is no room for it. */
export function AppShell() {
  const [searching, setSearching] = useState(false);
  const [menuOpen, setMenuOpen] = useState(false);
  const [menuWasOpen, setMenuWasOpen] = useState(false);
  const openMenu = () => {
    setMenuWasOpen(true);
    setMenuOpen(true);
  };
  const openSearch = useCallback(() => setSearching(true), []);
  const main = useRef<HTMLElement>(null);
  useSearchKey(openSearch);
  useFocusOnNavigation(main);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="topbar">
        <button type="button" className="icon-button" aria-label="Menu" onClick={openMenu}>
          <Menu size={20} aria-hidden />
        </button>
        <Brand />
        <button type="button" className="icon-button" aria-label="Search" onClick={openSearch}>
          <Search size={20} aria-hidden />
        </button>
      </header>
      <aside className="sidebar" aria-label="Navigation and account">
        <Brand />
        <SearchButton onClick={openSearch} />
        {/* What the page shows comes first. */}
        <Piece later={<NavigationLater />}>
          <Navigation />
        </Piece>
        <Piece later={<AccountLater />}>
          <Account />
        </Piece>
      </aside>
      <main id="main" ref={main} tabIndex={-1} className="main">
        <Outlet />
      </main>
      {/* Nobody is told anything before the first page is there. */}
      <WhenIdle>
        <Toasts />
      </WhenIdle>
      {menuWasOpen && (
        <Suspense fallback={null}>
          <MenuDrawer open={menuOpen} onClose={() => setMenuOpen(false)} />
        </Suspense>
      )}
      {searching && (
        <Suspense fallback={null}>
          <SearchDialog open onClose={() => setSearching(false)} />
        </Suspense>
      )}
    </div>
  );
}

const SearchButton = ({ onClick }: { onClick: () => void }) => (
  <button type="button" className="search-button" onClick={onClick}>
    <Search size={16} aria-hidden />
    <span>Search</span>
    <kbd>Ctrl K</kbd>
  </button>
);

/** Who uses a screen reader is at the new page, and not at the link that was followed. */
function useFocusOnNavigation(main: { readonly current: HTMLElement | null }): void {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    main.current?.focus({ preventScroll: true });
  }, [path, main]);
}
